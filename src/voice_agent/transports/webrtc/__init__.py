"""WebRTC media: one peer connection a call."""

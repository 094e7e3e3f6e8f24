"""What hears: shared voice activity and turn engines, resampling at the edge."""

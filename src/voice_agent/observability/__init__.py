"""What operators see: subscribers of events and collectors of statistics."""

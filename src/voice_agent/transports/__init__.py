"""How audio gets in and out."""

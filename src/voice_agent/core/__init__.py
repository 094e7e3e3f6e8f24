"""What all rooms share and that depends on none of them."""

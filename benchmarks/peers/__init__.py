"""What people would write instead, as honestly as we can write it for them."""

"""Files: taking them in, looking into them safely, keeping and serving them."""

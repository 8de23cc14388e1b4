"""What is wrong with a training, as far as its curves and figures tell, why, and what to try next."""

"""What single records of a training did to a lean, to first order."""

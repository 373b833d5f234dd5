"""Every file in every runtime as one function: numpy in, numpy out."""

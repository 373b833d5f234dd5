"""A network that was not trained here, made to keep the contract."""

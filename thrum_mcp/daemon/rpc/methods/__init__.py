"""The methods, noun by noun: parameters as the RPC names them, and the use case that does the work."""

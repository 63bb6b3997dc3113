"""One function per use case: (store, caller, request) -> result. The doors only translate."""

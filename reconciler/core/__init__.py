"""What decides: pure functions of values. No I/O, no clock (`now` is an argument), no ids made up."""

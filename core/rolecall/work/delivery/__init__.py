"""Messages on their way to people: claimed, made at the moment of sending, handed to a channel, and settled."""

"""Core's own plugin: the actions everybody has, registered through the same door as a stranger's."""

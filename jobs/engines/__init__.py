"""The only package that imports the heavy libraries, and only inside loaders. `registry.engine` is the door."""

"""Steps as processes of this machine. Imports nothing: `options` is read long before a step is started."""

"""The catalogue: what can be wrong in league data. A module, or a package, is one domain."""

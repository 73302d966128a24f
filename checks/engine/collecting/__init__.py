"""From modules to rules: found, named, selected, and given the fixtures that they ask for."""

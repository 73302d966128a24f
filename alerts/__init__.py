"""Who is told what, when, by which channel. Reads reports; knows neither flows nor the environment."""

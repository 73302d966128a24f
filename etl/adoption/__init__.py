"""Adopting a database that a platform has used for years: what is there, what is added, what a person should know.

`catalogue` reads facts, `adopt` adds what harms nobody and takes it away again, `rights` says who may do what,
`inspect` turns facts into findings. Nothing here changes a row.
"""

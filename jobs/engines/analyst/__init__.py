"""The embedded analyst: what sentence vectors and counting can decide in milliseconds, and the small model's part.

`jobs.engines.analyst_embedded` puts it together. What is asked, and what of the findings may be believed, is in
`analytics`.
"""

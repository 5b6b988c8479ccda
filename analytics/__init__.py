"""What to ask of a transcript: requests, domain packs, modules.

Here live the parsing of a job's `analytics` parameter, the catalogue of domain packs and the table of generic modules.
Running an engine, storing results and charging for them do not: the `jobs` app does that and calls this one. The files
that decide what is asked import no Django and no other app, so that web process, worker and tests use them alike.
"""

"""A loss that several processes compute together, each with a share of it: held against one process, and against the truth.

`shares` says who has what, and `gather` puts results together; `crew` starts the processes and asks all of them at once, `rank` is
what each of them runs, `step` what it computes. `claims` are what must hold, `faults` what is recognised where it does not.
Nothing is imported here: a rank needs little of it.
"""

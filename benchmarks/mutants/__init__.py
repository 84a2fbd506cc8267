"""Are our own referees tested? One small change at a time, and some property must fail: `python -m benchmarks.mutants`.

The changes are those of mutmut's catalogue (`mutmut.mutation.mutators`). mutmut itself leaves out decorated functions and what is
outside of functions, which here are the checks, the cached properties and the tables; so this package applies the same changes to
all of the source, in memory. Where a change is inside a function, the code of that function is replaced in a fork of a session
that has collected the properties already; elsewhere, and where no property calls the function any more once it is collected, the
module is imported anew in a fork that knows nothing of gradcheck yet. Properties that never call a changed function are left out;
what failed last is tried first, and then what is quick.

`docs/mutants.md` lists the survivors, each with the reason why no property can tell it from the code; any other survivor is shown,
and the exit status is 1.
"""

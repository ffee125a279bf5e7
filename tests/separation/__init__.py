"""The proof that tenants are apart: every address by every role, every id swapped, every GET watched.

`kinds.py` says what each role gets from each kind of page, `table.py` gives every address of the URLconf
its kinds. An address without a row fails, and the failure says what to add.
"""

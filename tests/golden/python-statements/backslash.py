first = 1
\
second = 2
if first:
    \
    third = (
        3
    )

"""Since Python 3.12 what stands in the fields of f-strings is any text."""
d = {"a": 1, "(": 2}
one = f"{d["a"]} and {d["("]
    }"
if one:  # pragma: no cover
    two = f"{'}' + d["a"]:>{
        len("((")
    }}"
three = f"{f'{d["("]}'}"
four = f"""{
    d["a"]  # a comment with " and (
    } '''
"""
five = f'{{ {d['a']} }}'

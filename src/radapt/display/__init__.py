"""How results show themselves in Python: rows, data frames, tables and pictures in a notebook, figures."""

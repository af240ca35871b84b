"""The listening study of section 4.4: a page to judge in, and Table 2 of what was judged."""

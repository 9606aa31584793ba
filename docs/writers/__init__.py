"""One file for each page that is made from the code. Each has ``page()``, which gives the whole text."""

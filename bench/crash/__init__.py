"""The crash laboratory: everything is killed, again and again, and then it is counted what each phone really got."""

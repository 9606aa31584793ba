"""A school that does not exist, made from a seed: Oakfield School, as the files that a real MIS would export."""

"""What a school holds of people, and what becomes of it: shown to them, corrected, erased, and forgotten in time.

``holdings`` says of every table what it holds and why; everything else here goes by it.
"""

"""What `demo.py` is made of: the jobs, their surroundings, and the judgement on what became of them."""

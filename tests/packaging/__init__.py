"""What is shipped, and the developer's own tools, are as they are said to be."""

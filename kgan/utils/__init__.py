"""Small parts that any room of kgan may use. They import nothing from kgan."""

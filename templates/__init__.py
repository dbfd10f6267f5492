"""What is printed and how: instruments, formatters, typesetters. Knows no database."""

// Empty: lets the compiler accept the functions without a body in parser.go.

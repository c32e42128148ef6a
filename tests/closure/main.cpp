// Linked with the whole of the engine's archives and with nothing but what each declares: an edge
// that is not written down fails to link.
int main() { return 0; }

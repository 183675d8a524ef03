package trust

// executedByDescriptor: Linux executes a file by its open descriptor.
const executedByDescriptor = true

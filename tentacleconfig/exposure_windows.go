package tentacleconfig

// Exposure is not looked at on Windows: access lists decide there, which the folder of the
// configuration inherits from wherever it is, and every user can use the key.
func (d *Document) Exposure() Exposure { return Exposure{} }

package delivery

// Counted reports that something of the delivery was processed as it should be.
func (d *Delivery) Counted() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counted = true
}

// Fruitless reports that a processor could process nothing of all that it has
// received so far, the delivery included: its settings do not fit, most likely.
// err says which. It must not be nil.
func (d *Delivery) Fruitless(err error) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fruitless == nil {
		d.fruitless = err
	}
}

// Verdict returns whether something of the delivery was counted, and, if nothing
// was, why the settings do not fit, or nil if no processor says so.
func (d *Delivery) Verdict() (counted bool, fruitless error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counted {
		return true, nil
	}
	return false, d.fruitless
}

package delivery

// Counted records that a part of the delivery was processed as intended.
func (d *Delivery) Counted() {
	if d == nil {
		return
	}
	d.whole.Counted()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counted = true
}

// Fruitless records that a processor could process nothing of all that it has received
// so far, including this delivery: its settings are probably wrong. err is the reason
// and must not be nil.
func (d *Delivery) Fruitless(err error) {
	if d == nil {
		return
	}
	d.whole.Fruitless(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fruitless == nil {
		d.fruitless = err
	}
}

// Verdict returns whether a part of the delivery was counted and, if not, the reason
// why the settings do not fit, or nil if no processor gave one.
func (d *Delivery) Verdict() (counted bool, fruitless error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counted {
		return true, nil
	}
	return false, d.fruitless
}

package delivery

import (
	"errors"
	"testing"
)

func TestRefusedDeliverySettlesWithTheFirstReason(t *testing.T) {
	d := new(Delivery)
	first := errors.New("first")
	if !Of(d.In(t.Context())).Refuse(first) {
		t.Fatal("an open delivery cannot be refused")
	}
	if !d.Refuse(errors.New("second")) {
		t.Error("a second message of the delivery cannot be refused")
	}
	if err := d.Settle(); !errors.Is(err, first) {
		t.Errorf("Settle() = %v, want the first reason", err)
	}
}

// What would break: a processor would leave a message out of its result, and no
// input would deliver it again.
func TestNobodyRedeliversAfterTheAcknowledgement(t *testing.T) {
	d := new(Delivery)
	if err := d.Settle(); err != nil {
		t.Fatalf("Settle() = %v of a delivery that nobody refused", err)
	}
	if d.Refuse(errors.New("late")) {
		t.Error("a settled delivery was refused")
	}
	if Of(t.Context()).Refuse(errors.New("none")) {
		t.Error("a message of another input was refused")
	}
}

// What was counted outweighs what a processor in another branch could not.
func TestVerdictOfADelivery(t *testing.T) {
	wrong := errors.New("a setting is wrong")
	for name, c := range map[string]struct {
		do        func(*Delivery)
		counted   bool
		fruitless error
	}{
		"nothing is said":   {do: func(*Delivery) {}},
		"counted":           {do: (*Delivery).Counted, counted: true},
		"fruitless":         {do: func(d *Delivery) { d.Fruitless(wrong); d.Fruitless(errors.New("later")) }, fruitless: wrong},
		"counted elsewhere": {do: func(d *Delivery) { d.Fruitless(wrong); d.Counted() }, counted: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := new(Delivery)
			c.do(d)
			if counted, fruitless := d.Verdict(); counted != c.counted || !errors.Is(fruitless, c.fruitless) {
				t.Errorf("Verdict() = %t, %v, want %t, %v", counted, fruitless, c.counted, c.fruitless)
			}
			c.do(nil) // a message of another input
		})
	}
}

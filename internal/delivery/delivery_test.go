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

// If this fails, a processor leaves a message out of its result that no input
// redelivers.
func TestNothingIsRefusedAfterTheAcknowledgement(t *testing.T) {
	d := new(Delivery)
	if err := d.Settle(); err != nil {
		t.Fatalf("Settle() = %v for a delivery that was not refused", err)
	}
	if d.Refuse(errors.New("late")) {
		t.Error("a settled delivery was refused")
	}
	if Of(t.Context()).Refuse(errors.New("none")) {
		t.Error("a message of another input was refused")
	}
}

// A success in one branch outweighs the failure of a processor in another.
func TestVerdictOfADelivery(t *testing.T) {
	wrong := errors.New("a setting is wrong")
	for name, c := range map[string]struct {
		do        func(*Delivery)
		counted   bool
		fruitless error
	}{
		"no verdict":        {do: func(*Delivery) {}},
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

// If this fails, a message that is refused alone has its whole batch delivered again, or
// what is reserved for it has no bound.
func TestAPartIsRefusedAndSettledByItself(t *testing.T) {
	b := NewBudget(100)
	whole := b.New()
	whole.Identity, whole.Revoked = "source", make(chan struct{})
	part, other := whole.Part(), whole.Part()
	if part.Identity != whole.Identity || part.Revoked != whole.Revoked {
		t.Errorf("a part is %+v", part)
	}
	reason := errors.New("not yet")
	if err := part.Reserve(t.Context(), 30); err != nil || b.InUse() != 30 {
		t.Errorf("Reserve() = %v, %d bytes in use", err, b.InUse())
	}
	if !part.Refuse(reason) {
		t.Error("a part cannot be refused")
	}
	other.Counted()
	if err := part.Settle(); !errors.Is(err, reason) || b.InUse() != 0 {
		t.Errorf("Settle() of the part = %v, %d bytes in use", err, b.InUse())
	}
	if counted, _ := whole.Verdict(); !counted {
		t.Error("the input does not learn that a part was counted")
	}
	if err := other.Settle(); err != nil {
		t.Errorf("Settle() of another part = %v", err)
	}
	if err := whole.Settle(); err != nil {
		t.Errorf("Settle() of the whole = %v", err)
	}
	if (*Delivery)(nil).Part() != nil {
		t.Error("a message of another input has a part")
	}
}

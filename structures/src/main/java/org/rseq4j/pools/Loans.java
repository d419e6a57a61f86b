package org.rseq4j.pools;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.rseq4j.pools.PoolMisuse.Kind;

/**
 * Every object that a pool knows, by identity and weakly, with the stack of its last acquire while it is on loan. Costs a
 * map look-up and a stack walk an operation: for tests and for the search after a leak.
 */
final class Loans {
    private final ConcurrentHashMap<Object, Loan> known = new ConcurrentHashMap<>();
    private final ReferenceQueue<Object> unreachable = new ReferenceQueue<>();
    private final Consumer<? super PoolMisuse> hook;

    /** The weak key; its stack is null while the object is in the pool. */
    private static final class Loan extends WeakReference<Object> {
        private final int hash;
        private final String description;
        private Throwable acquired;
        private Throwable last;

        Loan(Object object, ReferenceQueue<Object> queue) {
            super(object, queue);
            hash = System.identityHashCode(object);
            description = describe(object);
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(Object other) {
            return this == other || other instanceof Probe probe && refersTo(probe.object);
        }
    }

    /** A key for looking up. */
    private record Probe(Object object) {
        @Override
        public int hashCode() {
            return System.identityHashCode(object);
        }

        @SuppressWarnings("ReferenceEquality") // the same object, not an equal one
        @Override
        public boolean equals(Object other) {
            return other instanceof Loan loan && loan.refersTo(object)
                    || other instanceof Probe probe && probe.object == object;
        }
    }

    Loans(Consumer<? super PoolMisuse> hook) {
        this.hook = hook;
    }

    static String describe(Object object) {
        return object.getClass().getName() + "@" + Integer.toHexString(System.identityHashCode(object));
    }

    void acquired(Object object) {
        Loan loan = known.get(new Probe(object));
        if (loan == null) {
            loan = new Loan(object, unreachable);
            known.put(loan, loan);
        }
        synchronized (loan) {
            loan.acquired = new Throwable("acquired by " + Thread.currentThread());
            loan.last = loan.acquired;
        }
    }

    /** Throws when the object is not on loan. */
    void released(Object object) {
        Loan loan = known.get(new Probe(object));
        if (loan == null) {
            report(new PoolMisuse(Kind.FOREIGN, describe(object), null));
            throw new IllegalArgumentException("released an object that this pool did not hand out: "
                    + describe(object));
        }
        synchronized (loan) {
            if (loan.acquired != null) {
                loan.acquired = null;
                return;
            }
        }
        report(new PoolMisuse(Kind.RELEASED_TWICE, loan.description, loan.last));
        throw new IllegalStateException("released twice: " + loan.description, loan.last);
    }

    /** The object leaves the pool for good. */
    void discarded(Object object) {
        known.remove(new Probe(object));
    }

    /** Reports what leaked since the last call; returns how many objects that were. */
    int sweep() {
        int leaked = 0;
        for (Reference<?> gone; (gone = unreachable.poll()) != null;) {
            Loan loan = (Loan) gone;
            if (known.remove(loan, loan) && loan.acquired != null) {
                leaked++;
                report(new PoolMisuse(Kind.LEAKED, loan.description, loan.acquired));
            }
        }
        return leaked;
    }

    private void report(PoolMisuse misuse) {
        PoolEvents.misuse(misuse);
        try {
            hook.accept(misuse);
        } catch (RuntimeException e) {
            System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING, "the misuse hook failed", e);
        }
    }
}

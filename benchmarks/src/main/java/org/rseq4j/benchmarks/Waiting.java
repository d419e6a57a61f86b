// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;

/** What a thread does after a call that found a queue full or empty. */
enum Waiting {
    /** 100 spins, then Thread.yield. */
    YIELD {
        @Override
        IdleStrategy make() {
            return new Spinning() {
                @Override
                void rest() {
                    Thread.yield();
                }
            };
        }
    },
    /** Agrona's BackoffIdleStrategy: spins, yields, then parks for 1 to 100 us. */
    BACKOFF {
        @Override
        IdleStrategy make() {
            return new BackoffIdleStrategy(SPINS, 10, 1_000, 100_000);
        }
    },
    /** 100 spins, then parks for 50 us. */
    PARK {
        @Override
        IdleStrategy make() {
            return new Spinning() {
                @Override
                void rest() {
                    LockSupport.parkNanos(50_000);
                }
            };
        }
    };

    static final int SPINS = 100;

    /** {@return one for one thread} */
    abstract IdleStrategy make();

    private abstract static class Spinning implements IdleStrategy {
        private int fails;

        abstract void rest();

        @Override
        public void idle() {
            if (fails < SPINS) {
                fails++;
                Thread.onSpinWait();
            } else {
                rest();
            }
        }

        @Override
        public void idle(int work) {
            if (work > 0) {
                reset();
            } else {
                idle();
            }
        }

        @Override
        public void reset() {
            fails = 0;
        }
    }
}

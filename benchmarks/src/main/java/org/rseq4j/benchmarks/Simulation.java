// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A discrete-event simulation of threads around one spin lock: CPUs, a fair scheduler's time slices, and the rules of
 * the time slice extension. It says what a machine with many CPUs would show, as far as its assumptions go
 * (docs/lab/simulation.md). Same setting and seed, same outcome.
 */
final class Simulation {
    /*
     * Each CPU has its own run queue and never gives a thread away. It schedules as EEVDF does with equal weights: of
     * the threads whose virtual runtime is not beyond the average, the one with the earliest virtual deadline; a thread
     * that has used up its slice gets a new deadline and is looked at again at the next tick. sched_yield forfeits the
     * rest of the slice. A thread works outside, spins, holds; a released lock goes to any of the threads that spin on
     * a CPU at that moment.
     *
     * The extension: a slice that ends while the request stands is granted once, which takes the request away; the end
     * of the section then gives the CPU up; the grant's timer takes it. Whoever is scheduled out has lost its request.
     */

    /** Where requests stand. */
    enum Requests {
        /** Nowhere: no extension. */
        NONE,
        /** From the first try to the release, made once. */
        STANDING,
        /** The same, made again after each failed try. */
        RENEWED,
        /** Around each try and the hold, not while waiting. */
        AROUND_TRY_AND_HOLD
    }

    /**
     * What is simulated; times in nanoseconds.
     *
     * @param cpus the CPUs
     * @param threads the threads, spread evenly
     * @param inside the mean time that the lock is held
     * @param outside the mean time between two holds
     * @param handoff what the lock's cache line takes to get to the next CPU
     * @param spin how long a thread spins before it yields; 0: it never yields
     * @param slice the time slice
     * @param tick between two looks of the scheduler; 1: it ends a slice at once
     * @param change a context switch
     * @param grant the length of an extension
     */
    record Setting(int cpus, int threads, long inside, long outside, long handoff, long spin, long slice, long tick,
            long change, long grant) {
        Setting {
            if (cpus < 1 || threads < 1 || inside < 1 || outside < 0 || handoff < 0 || spin < 0 || slice < 1 || tick < 1
                    || change < 0 || grant < 1) {
                throw new IllegalArgumentException("a setting that cannot be simulated");
            }
        }

        /** {@return the slice that Linux chooses by itself: 0.7 ms, more with more CPUs, up to 2.8 ms from 8 on} */
        static long sliceFor(int cpus) {
            return 700_000L * (1 + (31 - Integer.numberOfLeadingZeros(Math.min(cpus, 8))));
        }
    }

    /**
     * What came of it, by second of simulated time.
     *
     * @param holds the lock was taken
     * @param preempted its holder was scheduled out
     * @param switches context switches
     * @param grants extensions granted
     * @param expired of them, those whose timer fired
     * @param least the holds of the thread that had the fewest
     */
    record Outcome(double holds, double preempted, double switches, double grants, double expired, double least) {
    }

    private enum Phase {
        OUTSIDE, SPINNING, HOLDING
    }

    private static final class Task {
        final int cpu;
        Phase phase = Phase.OUTSIDE;
        long left;
        long runtime;
        long deadline;
        boolean request;
        boolean granted;
        long grantEnd;
        long spinEnd;
        /** In {@link #spinners}, or -1. */
        int place = -1;
        long holds;

        Task(int cpu) {
            this.cpu = cpu;
        }
    }

    private static final class Cpu {
        final List<Task> waiting = new ArrayList<>();
        final long tickOffset;
        Task current;
        /** Up to when the current task's times are accounted; later than now while the CPU switches to it. */
        long accounted;
        boolean switching;
        final int index;

        Cpu(int index, long tickOffset) {
            this.index = index;
            this.tickOffset = tickOffset;
        }
    }

    private final Setting setting;
    private final Requests requests;
    private final Random random;
    private final List<Cpu> cpus = new ArrayList<>();
    private final List<Task> tasks = new ArrayList<>();
    private final List<Task> spinners = new ArrayList<>();
    /** For each CPU the time of what happens there next. Few enough to be searched through. */
    private final long[] next;
    private Task holder;
    private long holds;
    private long preempted;
    private long switches;
    private long grants;
    private long expired;

    private Simulation(Setting setting, Requests requests, long seed) {
        this.setting = setting;
        this.requests = requests;
        random = new Random(seed);
        next = new long[setting.cpus];
        Arrays.fill(next, Long.MAX_VALUE);
    }

    /** Runs for so many nanoseconds after a tenth as many of warm-up. */
    static Outcome run(Setting setting, Requests requests, long nanos, long seed) {
        return new Simulation(setting, requests, seed).run(nanos);
    }

    private Outcome run(long nanos) {
        for (int i = 0; i < setting.cpus; i++) {
            cpus.add(new Cpu(i, setting.tick * i / setting.cpus));
        }
        for (int i = 0; i < setting.threads; i++) {
            var task = new Task(i % setting.cpus);
            task.left = about(setting.outside);
            task.deadline = (long) (setting.slice * (0.5 + random.nextDouble()));
            tasks.add(task);
            cpus.get(task.cpu).waiting.add(task);
        }
        for (Cpu cpu : cpus) {
            if (!cpu.waiting.isEmpty()) {
                switchTo(cpu, pick(cpu), 0);
            }
        }
        long begin = nanos / 10;
        runUntil(begin);
        holds = preempted = switches = grants = expired = 0;
        tasks.forEach(task -> task.holds = 0);
        runUntil(begin + nanos);
        double seconds = nanos / 1e9;
        return new Outcome(holds / seconds, preempted / seconds, switches / seconds, grants / seconds,
                expired / seconds, tasks.stream().mapToLong(task -> task.holds).min().orElse(0) / seconds);
    }

    private void runUntil(long end) {
        while (true) {
            int first = 0;
            for (int i = 1; i < next.length; i++) {
                if (next[i] < next[first]) {
                    first = i;
                }
            }
            long now = next[first];
            if (now > end) {
                return;
            }
            happen(cpus.get(first), now);
        }
    }

    /** A mean time with some spread: lock-step is an artefact. */
    private long about(long mean) {
        return (long) (mean * (0.75 + 0.5 * random.nextDouble()));
    }

    // ---- What happens on a CPU ----

    private void happen(Cpu cpu, long now) {
        Task task = cpu.current;
        if (cpu.switching) {
            cpu.switching = false;
            if (task.phase == Phase.SPINNING) {
                spin(task, now);
            }
        } else {
            account(cpu, now);
            if (task.granted && now >= task.grantEnd) {
                expired++;
                scheduleOut(cpu, now);
                return;
            }
            if (task.phase != Phase.SPINNING && task.left <= 0) {
                if (endPhase(cpu, task, now)) {
                    return;
                }
            } else if (task.phase == Phase.SPINNING && setting.spin > 0 && now >= task.spinEnd) {
                giveWay(cpu, task, now);
                return;
            } else if (task.runtime >= task.deadline && !cpu.waiting.isEmpty() && !task.granted
                    && sliceEnds(cpu, task, now)) {
                return;
            }
        }
        plan(cpu, now);
    }

    /** The end of work outside or of a hold; true when the CPU was given up. */
    private boolean endPhase(Cpu cpu, Task task, long now) {
        if (task.phase == Phase.OUTSIDE) {
            task.phase = Phase.SPINNING;
            task.request = requests == Requests.STANDING || requests == Requests.RENEWED;
            spin(task, now);
            return false;
        }
        holder = null;
        task.phase = Phase.OUTSIDE;
        task.left = about(setting.outside);
        task.request = false;
        if (!spinners.isEmpty()) {
            Task next = spinners.get(random.nextInt(spinners.size()));
            account(cpus.get(next.cpu), now);
            take(next, setting.handoff);
            plan(cpus.get(next.cpu), now);
        }
        if (task.granted) {
            scheduleOut(cpu, now);
            return true;
        }
        return false;
    }

    private void spin(Task task, long now) {
        if (requests == Requests.RENEWED && !task.granted) {
            task.request = true;
        }
        if (holder == null) {
            take(task, 0);
        } else {
            task.place = spinners.size();
            spinners.add(task);
            task.spinEnd = now + setting.spin;
        }
    }

    private void take(Task task, long handoff) {
        leaveSpinners(task);
        holder = task;
        task.phase = Phase.HOLDING;
        task.left = about(setting.inside) + handoff;
        task.holds++;
        holds++;
        if (requests == Requests.AROUND_TRY_AND_HOLD) {
            task.request = true;
        }
    }

    private void leaveSpinners(Task task) {
        if (task.place >= 0) {
            Task last = spinners.removeLast();
            if (last != task) {
                spinners.set(task.place, last);
                last.place = task.place;
            }
            task.place = -1;
        }
    }

    // ---- The scheduler ----

    /** True when the CPU was given up; false when an extension was granted. */
    private boolean sliceEnds(Cpu cpu, Task task, long now) {
        task.deadline = task.runtime + setting.slice;
        if (task.request) {
            task.request = false;
            task.granted = true;
            task.grantEnd = now + setting.grant;
            grants++;
            return false;
        }
        scheduleOut(cpu, now);
        return true;
    }

    private void scheduleOut(Cpu cpu, long now) {
        Task task = cpu.current;
        cpu.waiting.add(task);
        Task next = pick(cpu);
        task.granted = false;
        if (next == task) {
            cpu.waiting.remove(task);
            cpu.current = task;
            if (task.phase == Phase.SPINNING) {
                task.spinEnd = now + setting.spin;
            }
            plan(cpu, now);
            return;
        }
        task.request = false;
        if (task.phase == Phase.HOLDING) {
            preempted++;
        }
        leaveSpinners(task);
        switches++;
        switchTo(cpu, next, now);
    }

    /** sched_yield: who has not had more than its share forfeits the rest of its slice. */
    private void giveWay(Cpu cpu, Task task, long now) {
        if (task.runtime <= average(cpu, task) + 1) {
            task.runtime = Math.max(task.runtime, task.deadline);
            task.deadline = task.runtime + setting.slice;
        }
        scheduleOut(cpu, now);
    }

    private static double average(Cpu cpu, Task running) {
        double sum = running.runtime;
        for (Task task : cpu.waiting) {
            sum += task.runtime;
        }
        return sum / (cpu.waiting.size() + 1);
    }

    /** Of those that wait, the eligible one with the earliest deadline. */
    private static Task pick(Cpu cpu) {
        double average = 0;
        for (Task task : cpu.waiting) {
            average += (double) task.runtime / cpu.waiting.size();
        }
        Task best = null;
        for (Task task : cpu.waiting) {
            if (task.runtime <= average + 1 && (best == null || task.deadline < best.deadline)) {
                best = task;
            }
        }
        return best;
    }

    private void switchTo(Cpu cpu, Task task, long now) {
        cpu.waiting.remove(task);
        cpu.current = task;
        cpu.switching = true;
        cpu.accounted = now + setting.change;
        next[cpu.index] = now + setting.change;
    }

    private static void account(Cpu cpu, long now) {
        long passed = now - cpu.accounted;
        if (passed > 0) {
            cpu.current.runtime += passed;
            if (cpu.current.phase != Phase.SPINNING) {
                cpu.current.left -= passed;
            }
            cpu.accounted = now;
        }
    }

    /** Finds out what happens next on a CPU whose task runs. */
    private void plan(Cpu cpu, long now) {
        Task task = cpu.current;
        long time = Long.MAX_VALUE;
        if (task.phase != Phase.SPINNING) {
            time = now + Math.max(0, task.left);
        } else if (setting.spin > 0) {
            time = Math.max(now, task.spinEnd);
        }
        if (task.granted) {
            time = Math.min(time, task.grantEnd);
        } else if (!cpu.waiting.isEmpty()) {
            long ends = now + Math.max(0, task.deadline - task.runtime);
            long ticks = (ends - cpu.tickOffset + setting.tick - 1) / setting.tick;
            time = Math.min(time, Math.max(now, cpu.tickOffset + ticks * setting.tick));
        }
        next[cpu.index] = time;
    }
}

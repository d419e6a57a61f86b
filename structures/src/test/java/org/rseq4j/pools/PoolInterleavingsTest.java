// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.reflect.Constructor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/**
 * What comes between two instructions of a pool, where a test has no hook: an action is put there, into a copy of the
 * pool's classes that a class loader of its own has.
 */
@EnabledForJreRange(min = JRE.JAVA_24)
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PoolInterleavingsTest {
    private static final String PACKAGE = "org.rseq4j.pools.";

    /** What is done there, once. */
    static final class Between {
        private static Runnable action;

        private Between() {
        }

        static void run() {
            Runnable once = action;
            action = null;
            if (once != null) {
                once.run();
            }
        }

        static void noStack() {
            throw new StackOverflowError("made");
        }
    }

    /**
     * In a method: after each load and store of a field, and before each call of a method, whose name this pattern
     * matches.
     */
    private record Place(Class<?> type, String method, String name) {
        private static final Set<Opcode> FIELDS = Set.of(Opcode.GETFIELD, Opcode.PUTFIELD);

        byte[] change(byte[] bytes) {
            CodeTransform code = (builder, element) -> {
                if (element instanceof InvokeInstruction call && call.name().stringValue().matches(name)) {
                    builder.invokestatic(ClassDesc.of(Between.class.getName()), "run", ConstantDescs.MTD_void);
                }
                builder.with(element);
                if (element instanceof FieldInstruction field && FIELDS.contains(field.opcode())
                        && field.name().stringValue().matches(name)) {
                    builder.invokestatic(ClassDesc.of(Between.class.getName()), "run", ConstantDescs.MTD_void);
                }
            };
            ClassFile file = ClassFile.of();
            return file.transformClass(file.parse(bytes), ClassTransform.transformingMethodBodies(
                    it -> it.methodName().stringValue().matches(method), code));
        }
    }

    /** Has a copy of the pools' classes, and of this test's. */
    private static final class Copies extends ClassLoader {
        private final Place place;

        Copies(Place place) {
            super(PoolInterleavingsTest.class.getClassLoader());
            this.place = place;
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(PACKAGE)) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? copy(name) : loaded;
            }
        }

        private Class<?> copy(String name) throws ClassNotFoundException {
            try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                if (in == null) {
                    throw new ClassNotFoundException(name);
                }
                byte[] bytes = in.readAllBytes();
                byte[] changed = name.equals(place.type.getName()) ? place.change(bytes) : bytes;
                return defineClass(name, changed, 0, changed.length);
            } catch (IOException e) {
                throw new ClassNotFoundException(name, e);
            }
        }
    }

    private static Object run(Class<? extends Callable<Object>> scenario, Place place) throws Exception {
        Constructor<?> constructor = new Copies(place).loadClass(scenario.getName()).getDeclaredConstructor();
        constructor.setAccessible(true);
        return ((Callable<?>) constructor.newInstance()).call();
    }

    /** How many objects are in the pool when one was made just as another thread looked whether there is one. */
    static final class MadeAsSomebodyLooks implements Callable<Object> {
        @Override
        public Object call() throws Exception {
            Queue<Runnable> tasks = new ArrayDeque<>();
            try (var pool = PerCpuPool.builder(Object::new).maxSize(1).makeOn(tasks::add).build()) {
                assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ZERO));
                pool.room.serveAtLast(); // the word of who left
                assertFalse(pool.room.unswept);
                Between.action = tasks.remove();
                pool.room.unserved = true;
                pool.room.serveAtLast();
                assertNull(Between.action, "it was not made");
                return pool.size();
            }
        }
    }

    @Test
    void whatIsMadeAsSomebodyLooksWhetherSomethingIsGoesIntoThePool() throws Exception {
        assertEquals(1, run(MadeAsSomebodyLooks.class, new Place(WaitingRoom.class, "serve", "unswept")));
    }

    /** An object that is made for a thread that leaves as soon as it has submitted it, just as another one looks. */
    private abstract static class SubmittedAsSomebodyLooks implements Callable<Object> {
        final Queue<Runnable> tasks = new ArrayDeque<>();
        final Tiers tiers = new Tiers(2, 2, 2, false);
        final Makings makings = new Makings(tasks::add, Object::new, tiers);
        final WaitingRoom room = new WaitingRoom(tiers, 1, new Losses(), object -> {}, null, makings);
        final Making making = new Making(makings, Thread.currentThread());

        SubmittedAsSomebodyLooks() {
            makings.room = room;
        }

        void grant() {
            room.existing += makings.grant(making) ? 1 : 0;
        }

        /** At the second place that comes now. */
        void submitLater() {
            Between.action = () -> Between.action = () -> {
                making.submit();
                making.abandoned = true;
            };
        }

        /** How many objects are in the pool, and exist. */
        List<Integer> make() {
            tasks.remove().run();
            return List.of(tiers.objects(), room.existing);
        }
    }

    /** It was granted; the other thread looks whether this one has left without having submitted it. */
    static final class SubmittedAsItMayBeGone extends SubmittedAsSomebodyLooks {
        @Override
        public Object call() {
            grant();
            submitLater();
            room.unswept = true;
            room.unserved = true;
            room.serveAtLast();
            Between.run(); // if there was no second place
            return make();
        }
    }

    /** It is just granted; the other thread looks whether this one has left meanwhile. */
    static final class SubmittedAsItIsGranted extends SubmittedAsSomebodyLooks {
        @Override
        public Object call() {
            submitLater();
            grant();
            return make();
        }
    }

    @Test
    void whatIsSubmittedAsSomebodyLooksIsNotLost() throws Exception {
        assertEquals(List.of(1, 1), run(SubmittedAsItMayBeGone.class, new Place(Making.class, "isGone", "state")));
        assertEquals(List.of(1, 1), run(SubmittedAsItIsGranted.class, new Place(Making.class, "grant", "state")));
    }

    /**
     * What a thread gets from an executor that queued its task and threw, when that was run just as the thread noted
     * what was thrown, and another object is asked for by the same making after that.
     */
    static final class RunAsItIsRefused implements Callable<Object> {
        @Override
        public Object call() {
            Queue<Runnable> tasks = new ArrayDeque<>();
            var tiers = new Tiers(2, 2, 2, false);
            var makings = new Makings(task -> {
                tasks.add(task);
                if (Between.action != null) {
                    throw new OutOfMemoryError("on purpose");
                }
            }, Object::new, tiers);
            var room = new WaitingRoom(tiers, 1, new Losses(), object -> {}, null, makings);
            makings.room = room;
            var making = new Making(makings, Thread.currentThread());
            assertTrue(makings.grant(making));
            room.existing++;
            Between.action = () -> Between.action = () -> tasks.remove().run(); // at the second place
            making.submit();
            if (making.failure != null) {
                return "the failure";
            }
            tiers.shut();
            assertNotNull(tiers.tryPopShut()); // somebody else's
            room.existing--;
            assertTrue(makings.grant(making));
            room.existing++;
            Between.action = making::submit;
            room.unswept = true;
            room.unserved = true;
            room.serveAtLast();
            tasks.remove().run();
            return tiers.objects() == 1 ? "an object" : "nothing, for ever";
        }
    }

    @Test
    void whoseExecutorThrewGetsTheFailureThoughItsTaskRan() throws Exception {
        assertEquals("the failure", run(RunAsItIsRefused.class, new Place(Making.class, "submit|isGone",
                "failure|refused")));
    }

    /** How many objects a pool counts of which none could be made. */
    static final class NoStackToMake implements Callable<Object> {
        @Override
        public Object call() {
            try (var pool = PerCpuPool.builder(Object::new).maxSize(1).build()) {
                Between.action = Between::noStack;
                assertThrows(StackOverflowError.class, pool::acquire);
                return pool.existing();
            }
        }
    }

    @Test
    void anAcquireWithoutStackToMakeAnObjectKeepsNoPermit() throws Exception {
        assertEquals(0, run(NoStackToMake.class, new Place(PerCpuPool.class, "makeOrWait", "make")));
    }

    /** How many objects a pool counts whose only one could not be discarded. */
    static final class NoStackToDiscard implements Callable<Object> {
        @Override
        public Object call() {
            try (var pool = PerCpuPool.builder(Object::new).maxSize(1).build()) {
                Object object = pool.acquire();
                Between.action = Between::noStack;
                assertThrows(StackOverflowError.class, () -> pool.discard(object));
                return pool.existing();
            }
        }
    }

    @Test
    void aDiscardWithoutStackKeepsNoPermit() throws Exception {
        assertEquals(0, run(NoStackToDiscard.class, new Place(Supply.class, "discardUnserved", "leaving")));
        assertEquals(0, run(NoStackToDiscard.class, new Place(PerCpuPool.class, "discard", "discard")));
    }

    /** What a waiting thread gets where the pool could not open all of its places. */
    static final class NoStackToOpen implements Callable<Object> {
        @Override
        public Object call() throws Exception {
            try (var pool = PerCpuPool.builder(Object::new).maxSize(1).build()) {
                Object object = pool.acquire();
                assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ZERO));
                pool.release(object);
                Between.action = Between::noStack;
                while (Between.action != null) { // until the pool has been quiet for long enough
                    pool.room.unserved = true;
                    pool.room.serveAtLast();
                }
                Object held = pool.acquire();
                var waiter = new FutureTask<>(() -> pool.acquire(Duration.ofMinutes(1)));
                new Thread(waiter).start();
                while (pool.waiting() == 0) {
                    Thread.yield();
                }
                pool.release(held);
                return waiter.get().equals(object);
            }
        }
    }

    /**
     * What is found in a slab that another thread took over as the pool was shut, and had no stack to take it away
     * again.
     */
    static final class NoStackToRevoke implements Callable<Object> {
        @Override
        public Object call() {
            var leased = new LeasedSlabs(1);
            long owner = LeasedSlabs.owner();
            leased.openFor(owner, false);
            assertTrue(leased.mine().put("pooled"));
            leased.revokeForObjects();
            Between.action = () -> {
                leased.shut();
                Between.action = Between::noStack;
            };
            assertThrows(StackOverflowError.class, () -> leased.openFor(owner, true));
            Object found = leased.tryPop();
            assertFalse(leased.isStuck());
            return found;
        }
    }

    @Test
    void aTakeOverWithoutStackLeavesNoObjectBehind() throws Exception {
        assumeTrue(LeasedSlabs.COUNT > 0);
        assertEquals("pooled", run(NoStackToRevoke.class, new Place(LeasedSlabs.class, "takeOver",
                "inherit|revoke")));
    }

    @Test
    void anOpeningWithoutStackLeavesNobodyWaiting() throws Exception {
        assertEquals(true, run(NoStackToOpen.class, new Place(Tiers.class, "open", "reopen")));
    }
}

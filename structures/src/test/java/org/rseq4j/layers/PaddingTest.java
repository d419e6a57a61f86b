// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.layers;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.stress.ChildJvm;

/**
 * Where the JVM puts the fields that different threads write. It reorders those of a class, and puts small ones of a
 * subclass into gaps of its superclasses, by the size of an object's header and of a reference; so each is tried.
 */
@Tag("jvm")
class PaddingTest {
    private static final int APART = 128;

    /** Of each class the groups of fields that no other group may be near to, named by one of each declaring class. */
    private static final Map<String, List<String>> GROUPS = Map.of(
            "org.rseq4j.queues.Ring", List.of("base", "tail", "head"),
            "org.rseq4j.queues.Turns", List.of("holder", "full", "active"),
            "org.rseq4j.pools.Slab", List.of("locked"),
            "org.rseq4j.pools.LeasedSlab", List.of("word"),
            "org.rseq4j.locks.SliceLock", List.of("state", "fair"),
            "org.rseq4j.locks.ReadSide", List.of("gate"),
            "org.rseq4j.internal.memory.StrideLock", List.of("locked"));

    @ParameterizedTest
    @ValueSource(strings = {"-XX:+UseCompressedOops", "-XX:-UseCompressedOops", "-XX:-UseCompressedClassPointers",
            "-XX:+UseCompactObjectHeaders"})
    void fieldsOfDifferentThreadsAreTwoCacheLinesApart(String layout) throws Exception {
        ChildJvm.run("all are apart", Map.of(), List.of("-Xmx256m", "-XX:+IgnoreUnrecognizedVMOptions",
                "-XX:+UnlockExperimentalVMOptions", layout), PaddingTest.class);
    }

    /** Prints what is too close to what. */
    public static void main(String[] arguments) throws Exception {
        List<String> close = new ArrayList<>();
        for (var entry : GROUPS.entrySet()) {
            check(Class.forName(entry.getKey(), false, PaddingTest.class.getClassLoader()), entry.getValue(), close);
        }
        System.out.println(close.isEmpty() ? "all are apart" : String.join("\n", close));
        System.exit(close.isEmpty() ? 0 : 1);
    }

    private record Group(String name, long begin, long end) {
    }

    private static void check(Class<?> type, List<String> names, List<String> close) throws Exception {
        List<Group> groups = new ArrayList<>();
        long paddingEnd = 0;
        for (Class<?> declaring = type; declaring != Object.class; declaring = declaring.getSuperclass()) {
            Group group = group(declaring, names);
            if (group != null) {
                groups.add(group);
            }
            for (Field field : declaring.getDeclaredFields()) {
                if (isPadding(field)) {
                    paddingEnd = Math.max(paddingEnd, offset(field) + size(field));
                }
            }
        }
        if (groups.size() != names.size()) {
            close.add(type + " has groups " + groups + ", not " + names);
        }
        for (Group one : groups) {
            if (one.begin < APART) {
                close.add(type + ": " + one + " is near to what is before the object");
            }
            for (Group other : groups) {
                if (one.begin < other.begin && other.begin - one.end < APART) {
                    close.add(type + ": " + one + " is near to " + other);
                }
            }
        }
        Group last = groups.get(0);
        for (Group group : groups) {
            last = group.end > last.end ? group : last;
        }
        // What follows the last group's line: padding, or fields of the object that are in no group.
        if (paddingEnd - last.end < APART && !last.name.equals("fair")) {
            close.add(type + ": " + last + " is near to what is behind the object, padding ends at " + paddingEnd);
        }
    }

    /** The fields that a class declares itself, when one of them has one of the names. */
    private static Group group(Class<?> declaring, List<String> names) throws Exception {
        String name = null;
        long begin = Long.MAX_VALUE;
        long end = 0;
        for (Field field : declaring.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers()) && !isPadding(field)) {
                name = names.contains(field.getName()) ? field.getName() : name;
                begin = Math.min(begin, offset(field));
                end = Math.max(end, offset(field) + size(field));
            }
        }
        return name == null ? null : new Group(name, begin, end);
    }

    private static boolean isPadding(Field field) {
        return field.getName().matches("[a-z]\\d+");
    }

    private static long size(Field field) {
        Class<?> type = field.getType();
        return type == long.class ? 8 : type == byte.class || type == boolean.class ? 1 : 4;
    }

    /** By sun.misc.Unsafe, which javac warns of and reflection does not. */
    private static long offset(Field field) throws Exception {
        Class<?> unsafe = Class.forName("sun.misc.Unsafe");
        Field instance = unsafe.getDeclaredField("theUnsafe");
        instance.setAccessible(true);
        Method offset = unsafe.getMethod("objectFieldOffset", Field.class);
        return (long) offset.invoke(instance.get(null), field);
    }
}

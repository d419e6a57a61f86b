// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What a borrower has in place of the driver's connection. Its {@code close} gives the connection back, once; then it
 * has none any more. Statements and what they give are the driver's own: who leaves one open leaves it to others.
 */
final class Loan implements InvocationHandler {
    /** Who takes the connection back. */
    @FunctionalInterface
    interface Owner {
        void giveBack(boolean changed);
    }

    /** What is set back when a connection is given back. */
    private static final Set<String> HARMLESS = Set.of("setAutoCommit", "setSavepoint");

    private final Connection connection;
    private final Owner owner;
    private final AtomicBoolean over = new AtomicBoolean();
    private volatile boolean changed;

    private Loan(Connection connection, Owner owner) {
        this.connection = connection;
        this.owner = owner;
    }

    static Connection of(Connection connection, Owner owner) {
        return (Connection) Proxy.newProxyInstance(Loan.class.getClassLoader(), new Class<?>[]{Connection.class},
                new Loan(connection, owner));
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        String name = method.getName();
        switch (name) {
            case "close" -> {
                giveBack();
                return null;
            }
            case "isClosed" -> {
                return over.get() || connection.isClosed();
            }
            case "equals" -> {
                return proxy == arguments[0];
            }
            case "hashCode" -> {
                return System.identityHashCode(proxy);
            }
            case "toString" -> {
                return (over.get() ? "given back: " : "lent: ") + connection;
            }
            default -> {
                if (over.get()) {
                    throw new SQLException("this connection was given back", "08003");
                }
                if (name.startsWith("set") && !HARMLESS.contains(name)) {
                    changed = true;
                }
            }
        }
        try {
            return method.invoke(connection, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        } finally {
            if (name.equals("abort")) {
                giveBack(); // who takes it back sees that it is closed
            }
        }
    }

    private void giveBack() {
        if (over.compareAndSet(false, true)) {
            owner.giveBack(changed);
        }
    }
}

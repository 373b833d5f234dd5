// Signatures: https://guava.dev/releases/snapshot/api/docs/com/google/common/util/concurrent/ListenableFuture.html
package com.google.common.util.concurrent;

import java.util.concurrent.Executor;
import java.util.concurrent.Future;

public interface ListenableFuture<V> extends Future<V> {
    void addListener(Runnable listener, Executor executor);
}
